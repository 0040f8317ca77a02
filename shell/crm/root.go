package crm

// rootLevel is the level that the shell starts in.
func rootLevel() *level {
	return &level{
		name: "crm", summary: "the shell",
		levels: []*level{
			configureLevel(), resourceLevel(), nodeLevel(), clusterLevel(), corosyncLevel(), raLevel(), optionsLevel(), cibLevel(),
			maintenanceLevel(), siteLevel(), historyLevel(), assistLevel(), scriptLevel(), cibstatusLevel(), templateLevel(),
		},
		commands: []*command{
			{name: "status", aliases: []string{"st"}, usage: "[full] [bynode] [inactive] [ops] [timing] [failcounts] [tickets] [xml] [html] [simple] [noheaders] [detail] [brief]",
				summary: "what the cluster is doing", example: "status inactive failcounts", run: runStatus, words: statusWords},
			{name: "report", usage: "[-f TIME] [-t TIME] [NAME]", summary: "collect configuration, status and history into an archive", example: "report -f 2h /tmp/incident", run: runReport},
			{name: "verify", usage: "[scores]", summary: "check the configuration of the running cluster", run: runRootVerify},
		},
	}
}

func runRootVerify(s *session, words []word) error {
	if len(words) > 0 && words[0].text == "scores" {
		return runScores(s, nil)
	}
	defer func() { s.model = nil }()
	return runVerify(s, nil)
}
