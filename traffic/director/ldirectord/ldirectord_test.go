package ldirectord

import (
	"strings"
	"testing"

	"holdfast/golden"
	"holdfast/traffic/director/config"
)

// TestGolden reads each testdata/*.txt: the operator's text, a line of dashes, the model as JSON or the error.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden.Models(t, func(text string) (any, error) { return Read("ldirectord.cf", []byte(text), config.Literal{}) })
}

// TestEveryDirective holds testdata/keywords.cf, which has each directive of ldirectord(8), to what is done here.
func TestEveryDirective(t *testing.T) {
	t.Parallel()
	golden.Say(t, "../../../docs/director.md", "ldirectord.cf: "+golden.ReadMarked(t, "testdata/keywords.cf").Hold(t, "ldirectord.cf", func(text string) ([]string, error) {
		c, err := Read("ldirectord.cf", []byte(text), config.Literal{})
		if err != nil {
			return nil, err
		}
		return c.Warnings, nil
	}))
}

// TestDirectivesAreThoseOfTheManual: testdata/keywords.cf has each directive of the installed manual.
func TestDirectivesAreThoseOfTheManual(t *testing.T) {
	t.Parallel()
	golden.ReadMarked(t, "testdata/keywords.cf").HasWords(t, golden.Manual(t, "ldirectord.8"), `(?m)^(?:\\&)?\\fB([a-z0-9]+)(?:\\fR)? ?=`, 30)
}

// TestWrongLines puts one wrong line into a small file; the error names file, line and word.
func TestWrongLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"checktimeoutt = 3":                                `ldirectord.cf:1: "checktimeoutt" is not known before the first virtual; did you mean "checktimeout"?`,
		"checktimeout = 0":                                 `ldirectord.cf:1: checktimeout: "0": want a number from 1 to`,
		"checktimeout 3":                                   `ldirectord.cf:1: "checktimeout 3": want NAME = VALUE`,
		"quiescent = maybe":                                `ldirectord.cf:1: quiescent: "maybe": want yes or no`,
		"emailalertstatus = always":                        `ldirectord.cf:1: emailalertstatus: "always": want all, none`,
		"fallback = 127.0.0.1:80 door":                     `fallback: "door": want gate, masq or ipip`,
		"real = 10.0.0.9:80":                               `ldirectord.cf:1: "real" is not known before the first virtual`,
		"  real = 10.0.0.9:80 masqq":                       `ldirectord.cf:4: real: "masqq": want gate, masq or ipip`,
		"  real = 10.0.0.9:99999 masq":                     `ldirectord.cf:4: real: "10.0.0.9:99999": port "99999": want 0 to 65535`,
		"  real = 10.0.0.999:80 masq":                      `the address of "10.0.0.999" is not known`,
		"  real = 10.0.0.9:80 masq heavy":                  `weight "heavy": want 0 to 65535`,
		"  real = 10.0.0.9->10.0.0.1 masq":                 `the last address of a range has to be above the first`,
		"  real = 10.0.0.1:80 masq":                        `ldirectord.cf:4: real: server 10.0.0.1:80 is there twice`,
		"  request = \"/alive":                             `ldirectord.cf:4: "request = \"/alive": the last quotation mark has no second one`,
		"  scheduler = best":                               `ldirectord.cf:4: scheduler: "best": want one of rr, wrr`,
		"  checktype = guess":                              `checktype: "guess": want connect, external`,
		"  service = gopher":                               `service: "gopher": want none, dns`,
		"  service = radius":                               `service radius: login and secret are missing`,
		"  service = oracle":                               `service oracle: it is not talked to here`,
		"  protocol = icmp":                                `protocol: "icmp": want tcp or udp`,
		"  protocol = fwm":                                 `protocol: "fwm": want tcp or udp`,
		"  netmask = 255.0.255.0":                          `netmask: "255.0.255.0": want a netmask as 255.255.255.0`,
		"  persistent = 0":                                 `persistent: "0": want seconds, at least 1`,
		"  checkport = 0":                                  `checkport: "0": want a port from 1 to 65535`,
		"  httpmethod = POST":                              `httpmethod: "POST": want GET or HEAD`,
		"  receive = \"(?<=x)y\"":                          `is no regular expression that is understood`,
		"  sheduler = rr":                                  `"sheduler" is not known in a virtual; did you mean "scheduler"?`,
		"  ops = yes":                                      `one-packet scheduling is for UDP`,
		"virtual = 10.0.0.5:80\n  real = 10.0.0.1:80 masq": `ldirectord.cf:2: service tcp 10.0.0.5:80 is at ldirectord.cf:1 already`,
		"virtual = 0":                                      `a firewall mark is at least 1`,
		"virtual = [fe80::5":                               `want an address or name`,
	} {
		virtual := "virtual = 10.0.0.5:80\n  real = 10.0.0.1:80 masq\n"
		text := line + "\n" + virtual
		if strings.HasPrefix(line, " ") {
			text = "#\n" + virtual + line + "\n"
		}
		if _, err := Read("ldirectord.cf", []byte(text), config.Literal{}); err == nil || !strings.Contains(err.Error(), strings.Replace(want, "ldirectord.cf:2: service", "ldirectord.cf:3: service", 1)) {
			t.Errorf("%s: %v; want %s", line, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, input := range golden.Inputs(f, "testdata/*.txt", golden.Separator) {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Read("ldirectord.cf", []byte(text), config.Literal{})
		if err != nil {
			return
		}
		if err := c.Check(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
