package ebpf

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// frames is what each function of a program takes of the stack, in bytes, and whom it calls.
func frames(instructions asm.Instructions) (size map[string]int, calls map[string][]string) {
	size, calls = map[string]int{}, map[string][]string{}
	var in string
	framed := map[asm.Register]bool{} // registers that the last instruction gave the frame's address
	for _, i := range instructions {
		if f := btf.FuncMetadata(&i); f != nil {
			in = f.Name
		}
		depth := 0
		switch class := i.OpCode.Class(); {
		case i.IsFunctionReference():
			calls[in] = append(calls[in], i.Reference())
		case class.IsStore() && i.Dst == asm.R10, class.IsLoad() && i.Src == asm.R10:
			depth = -int(i.Offset)
		case i.OpCode.ALUOp() == asm.Add && i.OpCode.Source() == asm.ImmSource && framed[i.Dst]:
			depth = -int(i.Constant)
		}
		size[in] = max(size[in], depth)
		clear(framed)
		if i.OpCode.ALUOp() == asm.Mov && i.OpCode.Source() == asm.RegSource && i.Src == asm.R10 {
			framed[i.Dst] = true
		}
	}
	return size, calls
}

// TestStackOfOlderKernels: the calls within each program fit in the 512 bytes of its stack, as Linux 6.1 counts them.
func TestStackOfOlderKernels(t *testing.T) {
	t.Parallel()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	const most, unit = 512, 32
	for name, p := range spec.Programs {
		size, calls := frames(p.Instructions)
		var deepest func(function string) (int, string)
		deepest = func(function string) (most int, path string) {
			for _, next := range calls[function] {
				if n, way := deepest(next); n > most {
					most, path = n, " > "+way
				}
			}
			return most + (max(size[function], 1)+unit-1)/unit*unit, function + path
		}
		if n, path := deepest(name); n > most {
			t.Errorf("program %s takes %d bytes of stack, %d at most: %s", name, n, most, path)
		}
	}
}
