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

// room is an empty list in a block, with room for n values before it has to move.
func (s *slab[T]) room(n int) []T {
	if cap(s.free)-len(s.free) < n {
		s.free = make([]T, 0, max(n, min(largestSlab, max(smallestSlab, 2*cap(s.free)))))
	}
	from := len(s.free)
	s.free = s.free[:from+n]
	return s.free[from : from : from+n]
}
