package crm

// rootLevel is the level that the shell starts in.
func rootLevel() *level {
	return &level{
		name: "crm", summary: "the shell",
		levels: []*level{
			configureLevel(), resourceLevel(), nodeLevel(), raLevel(), optionsLevel(), cibLevel(),
		},
		commands: []*command{
			{name: "verify", usage: "[scores]", summary: "check the configuration of the running cluster", run: runRootVerify},
		},
	}
}

func runRootVerify(s *session, _ []word) error {
	defer func() { s.model = nil }()
	return runVerify(s, nil)
}
