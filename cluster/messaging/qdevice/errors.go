package qdevice

import "fmt"

// String says what a server's error code means.
func (e ErrorCode) String() string {
	return fmt.Sprintf("error %d", uint16(e))
}
