// Package h1 reads HTTP/1.1 as it is on the wire (RFC 9112): heads of requests and answers, and where a body ends.
//
// A Head is parsed where it lies, without allocation: it keeps offsets into the bytes that its caller holds, so that the
// caller may move them, and may come back with more of the same bytes when a head was not whole. A Body follows
// content-length and chunked framing without copying: it says how many of the bytes at hand belong to the body.
//
// The parser is strict, because whatever two parsers along a path understand differently can be used to smuggle a request
// past the first. It refuses, where others repair: content-length beside transfer-encoding, either of them twice, any
// transfer-encoding but chunked, folded lines, bare CR and bare LF, spaces before the colon, chunk extensions, numbers that
// are not plain digits, a Host that is missing, double or not the request's. Every refusal has its own error, which is
// counted and answered with 400 (Refusal).
//
// The package starts no goroutine and does no I/O.
package h1
