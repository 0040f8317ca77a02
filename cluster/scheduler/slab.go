package scheduler

// slab hands out values from blocks, so that the many small things of a run cost one
// allocation in a few hundred. None is given back: all live as long as the run.
type slab[T any] struct{ free []T }

// slabSizes: the first block is small, for small clusters; each later one is twice the last.
const (
	smallestSlab = 16
	largestSlab  = 512
)

func (s *slab[T]) make(value T) *T {
	if len(s.free) == cap(s.free) {
		s.free = make([]T, 0, min(largestSlab, max(smallestSlab, 2*cap(s.free))))
	}
	s.free = append(s.free, value)
	return &s.free[len(s.free)-1]
}
