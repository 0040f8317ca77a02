package scheduler_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain gives the property tests the same random documents in every run, so that a
// change is judged by what it did. `make properties` draws new ones.
func TestMain(m *testing.M) {
	flag.Parse()
	if seed := flag.Lookup("rapid.seed"); seed != nil && seed.Value.String() == "0" {
		_ = flag.Set("rapid.seed", "1")
	}
	os.Exit(m.Run())
}
