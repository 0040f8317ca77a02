package sample

import "sync"

// Process has the variables of the whole process (proc.NAME), which all event loops share.
type Process struct {
	mu     sync.RWMutex // guards values
	values map[string]Value
}

// Set keeps a copy of a value.
func (p *Process) Set(name string, v Value) {
	v.Bytes = append([]byte(nil), v.Bytes...)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[string]Value{}
	}
	p.values[name] = v
}

// Get returns a value, and whether there is one.
func (p *Process) Get(name string) (Value, bool) {
	if p == nil {
		return Value{}, false
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.values[name]
	return v, ok
}

// Delete forgets a value.
func (p *Process) Delete(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.values, name)
}

// Process returns the process's variables.
func (k *Compiler) Process() *Process {
	if k.process == nil {
		k.process = &Process{}
	}
	return k.process
}

// Value computes an expression where there is no connection.
func (e *Expr) Value(k *Compiler) (Value, bool) {
	var v Value
	ok := e.Get(&Context{Process: k.Process(), Log: &Record{}}, &v)
	return v, ok
}

// Value computes a format where there is no connection.
func (f *Format) Value(k *Compiler) Value {
	return Value{Kind: Text, Bytes: f.Append(nil, &Context{Process: k.Process(), Log: &Record{}})}
}
