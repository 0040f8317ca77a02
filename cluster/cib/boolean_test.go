package cib

import "testing"

func TestParseBool(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{ // with false and with true to fall back to
		"true": {true, true}, "ON": {true, true}, "Yes": {true, true}, "y": {true, true}, "1": {true, true},
		"false": {false, false}, "Off": {false, false}, "no": {false, false}, "N": {false, false}, "0": {false, false},
		"": {false, true}, "maybe": {false, true}, " true": {false, true},
	} {
		if got := [2]bool{ParseBool(text, false), ParseBool(text, true)}; got != want {
			t.Errorf("ParseBool(%q) = %v, want %v", text, got, want)
		}
	}
}
