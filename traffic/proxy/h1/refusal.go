package h1

// Refusal is why a message is not HTTP as this package reads it. It is comparable, and counted by its own name.
type Refusal string

// Error says what was wrong.
func (r Refusal) Error() string { return string(r) }

// The refusals.
const (
	ErrBareLF       Refusal = "line feed without carriage return"
	ErrMethod       Refusal = "method is not a token"
	ErrTarget       Refusal = "request target is malformed"
	ErrVersion      Refusal = "version is not HTTP/1.0 or HTTP/1.1"
	ErrStatus       Refusal = "status line is malformed"
	ErrFolded       Refusal = "header line is folded"
	ErrFieldName    Refusal = "header name is malformed"
	ErrFieldValue   Refusal = "header value has control characters"
	ErrTooMany      Refusal = "too many header fields"
	ErrTooLarge     Refusal = "head is too large"
	ErrHost         Refusal = "host is missing, double, malformed or not the target's"
	ErrLength       Refusal = "content-length is double or not a plain number"
	ErrEncoding     Refusal = "transfer-encoding is not just chunked"
	ErrBothFramings Refusal = "content-length beside transfer-encoding"
	ErrChunk        Refusal = "chunk is malformed"
	ErrUpgrade      Refusal = "upgrade to a WebSocket without a key"
	ErrTrailer      Refusal = "trailer is malformed"
)
