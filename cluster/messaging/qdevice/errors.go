package qdevice

import "fmt"

// The codes that a server sends, as corosync-qnetd 3.0.3 was seen to.
const (
	ErrorUnknownMessage    ErrorCode = 4
	ErrorPreinitRequired   ErrorCode = 6
	ErrorMissingOption     ErrorCode = 7
	ErrorUnexpected        ErrorCode = 8
	ErrorInitRequired      ErrorCode = 11
	ErrorAlgorithm         ErrorCode = 12
	ErrorHeartbeat         ErrorCode = 13
	ErrorAlgorithmMessage  ErrorCode = 14
	ErrorTieBreakerDiffers ErrorCode = 15
	ErrorAlgorithmDiffers  ErrorCode = 16
	ErrorDuplicateNode     ErrorCode = 17
)

// String says what a code means, and what to do about it.
func (e ErrorCode) String() string {
	text, ok := map[ErrorCode]string{
		ErrorUnknownMessage:    "it does not know the message",
		ErrorPreinitRequired:   "the connection did not begin with a Preinit",
		ErrorMissingOption:     "the message lacks an option that it must have",
		ErrorUnexpected:        "the message came out of turn",
		ErrorInitRequired:      "the message came before Init; or TLS is required",
		ErrorAlgorithm:         "it does not know the algorithm; write ffsplit or lms",
		ErrorHeartbeat:         "it does not accept the interval; quorum.device.timeout has to be from 1250 ms to 150 s",
		ErrorAlgorithmMessage:  "the algorithm does not know the message",
		ErrorTieBreakerDiffers: "another host of the cluster has another tie breaker; compare quorum.device.net.tie_breaker",
		ErrorAlgorithmDiffers:  "another host of the cluster has another algorithm; compare quorum.device.net.algorithm",
		ErrorDuplicateNode:     "a host with this id is connected already, or was a moment ago",
	}[e]
	if !ok {
		return fmt.Sprintf("error %d", uint16(e))
	}
	return fmt.Sprintf("%s (error %d)", text, uint16(e))
}
