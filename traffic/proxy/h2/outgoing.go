package h2

import "holdfast/traffic/proxy/h1"

// Outgoing takes an HTTP/1.1 message apart that a session writes bit by bit: its head, its data, its trailer. Its zero value is ready.
type Outgoing struct {
	Answer  bool // what is written is an answer
	ToHead  bool // to HEAD
	Tunnels bool // an answer of 101 is the other side's agreement to a tunnel
	Head    h1.Head
	Body    h1.Body

	partial []byte // of a head that is not whole
	trailer []byte
	headed  bool // the last head was read
}

// Reset makes it ready for another message, and keeps its memory.
func (o *Outgoing) Reset() {
	*o = Outgoing{Head: h1.Head{Fields: o.Head.Fields[:0]}, partial: o.partial[:0], trailer: o.trailer[:0]}
}

// Headed tells whether the message's head was read; what follows is its body.
func (o *Outgoing) Headed() bool { return o.headed }

// Over tells whether all of the message was read.
func (o *Outgoing) Over() bool { return o.headed && o.Body.Over() }

// ReadHead takes the next bytes of a message whose head is not read yet, and returns how many of them it used, and the head's bytes once they are
// all there. They hold until the next call.
func (o *Outgoing) ReadHead(p []byte) (head []byte, used int, err error) {
	before := len(o.partial)
	b := p
	if before > 0 {
		o.partial = append(o.partial, p...)
		b = o.partial
	}
	if o.Answer {
		err = o.Head.Response(b)
	} else {
		err = o.Head.Request(b)
	}
	if err != nil {
		return nil, 0, err
	}
	size := o.Head.Size
	if size == 0 {
		if before == 0 {
			o.partial = append(o.partial, p...)
		}
		return nil, len(p), nil
	}
	o.partial = o.partial[:0]
	switch status := o.Head.Status; {
	case !o.Answer:
		o.headed, o.Body = true, o.Head.RequestBody()
		if o.Head.Upgrade && o.Head.Find(b, "upgrade", 0) >= 0 {
			o.Tunnels, o.Body = true, h1.Tunnel()
		}
	case status == 101 && o.Tunnels:
		o.headed, o.Body = true, h1.Tunnel()
		o.Head.Status = 200
	case status >= 200:
		o.headed, o.Body = true, o.Head.ResponseBody(o.ToHead, false)
	}
	return b[:size], size - before, nil
}

// Interim makes it ready for the next head, after one that was not the last.
func (o *Outgoing) Interim() { o.Head.Reset() }

// ReadData takes the next bytes of the body, and returns the first data among them and how many it used.
func (o *Outgoing) ReadData(p []byte) (data []byte, used int, err error) {
	trailing := o.Body.Trailing()
	data, used, err = o.Body.Data(p)
	if trailing {
		o.trailer = append(o.trailer, p[:used]...)
	}
	return data, used, err
}

// AppendTrailers appends the header block of the trailer, if there is one.
func (o *Outgoing) AppendTrailers(dst []byte) []byte { return appendTrailers(dst, o.trailer) }
