// Package h2 reads and writes HTTP/2 (RFC 9113) and its header compression (HPACK, RFC 7541), and translates messages from and
// to HTTP/1.1.
//
// The data plane's sessions speak HTTP/1.1 with either side. A stream of HTTP/2 is to them one more connection, whose bytes are
// put together here: a header block becomes a head (Decoder.Request, Decoder.Answer), and what a session writes is taken
// apart into heads, data and trailers (Message). There is one meaning of a request, then, and one parser that decides
// about it.
//
// Translation is where requests get smuggled, so nothing passes that could mean something else in HTTP/1.1: names in capital
// letters, values with line breaks or with blanks around them, pseudo-headers that are double, unknown, missing or not in
// front, fields that belong to a connection, a Host that is not the authority's, a content-length that is not the data's.
// Each is a h1.Refusal, answered with 400 and counted. A header block that cannot be decompressed ends the
// connection, because all that follow would be misread (ConnectionError).
//
// What a peer can make grow is bounded: header blocks by the size of their encoded form, of what they expand to, and by the
// number of frames they come in; the dynamic table by SETTINGS_HEADER_TABLE_SIZE; and Glitches counts what is legal
// and of no use, as a peer that sends much of it means harm.
//
// The package starts no goroutine and does no I/O.
package h2
