package vrrp

import (
	"reflect"
	"testing"

	"holdfast/traffic/vrrp/config"
)

func TestJudgeWeighsWhatIsTracked(t *testing.T) {
	t.Parallel()
	type tracks = []config.Track
	for name, test := range map[string]struct {
		well map[string]bool
		file int
		t    config.Tracking
		want standing
	}{
		"nothing tracked":                {},
		"no verdict yet counts as well":  {t: config.Tracking{Scripts: tracks{{Name: "a"}}}},
		"a failure is a fault":           {well: map[string]bool{"a": false}, t: config.Tracking{Scripts: tracks{{Name: "a"}}}, want: standing{0, []string{"script a fails"}}},
		"reverse: being well is a fault": {well: map[string]bool{"a": true}, t: config.Tracking{Scripts: tracks{{Name: "a", Reverse: true}}}, want: standing{0, []string{"script a is well, which it must not be"}}},
		"positive while well":            {well: map[string]bool{"a": true}, t: config.Tracking{Scripts: tracks{{Name: "a", Weight: 10}}}, want: standing{10, nil}},
		"positive not while failed":      {well: map[string]bool{"a": false}, t: config.Tracking{Scripts: tracks{{Name: "a", Weight: 10}}}},
		"negative while failed":          {well: map[string]bool{"a": false}, t: config.Tracking{Scripts: tracks{{Name: "a", Weight: -10}}}, want: standing{-10, nil}},
		"negative not while well":        {well: map[string]bool{"a": true}, t: config.Tracking{Scripts: tracks{{Name: "a", Weight: -10}}}},
		"reverse turns the sign":         {well: map[string]bool{"a": false}, t: config.Tracking{Scripts: tracks{{Name: "a", Weight: -10, Reverse: true}}}, want: standing{10, nil}},
		"several add up":                 {well: map[string]bool{"a": false, "b": true}, t: config.Tracking{Scripts: tracks{{Name: "a", Weight: -10}, {Name: "b", Weight: 3}}}, want: standing{-7, nil}},
		"a file counts by its weight":    {file: 7, t: config.Tracking{Files: tracks{{Name: "f", Weight: -2}}}, want: standing{-14, nil}},
		"a file's least is a fault":      {file: 127, t: config.Tracking{Files: tracks{{Name: "f", Weight: -2}}}, want: standing{0, []string{"file f says so"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVerdicts()
			v.scripts, v.files["f"] = test.well, test.file
			if got := v.judge(test.t); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
