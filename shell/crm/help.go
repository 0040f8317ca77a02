package crm

import (
	"fmt"
	"slices"
	"strings"
)

const mainHelp = `usage: crm [OPTIONS] [LEVEL] [COMMAND WORDS…]

Configure and operate a cluster. Without a command, lines are read from the
terminal, from standard input or from the file of -f. 'crm help' lists the
levels, 'crm LEVEL help' a level's commands, 'crm LEVEL COMMAND --help' one command.

  -f, --file FILE        read commands from FILE; - is standard input
  -c, --cib NAME         work on the shadow copy NAME
  -F, --force            answer yes to every question, commit in spite of errors
  -n, --no               answer no to every question
  -w, --wait             wait after each command until the cluster has nothing more to do
  -D, --display FORM     plain, color, color-always or uppercase
  -o, --opt NAME=VALUE   set a preference for this run; 'crm options show' lists them
  -d, --debug            say more about what is done
  -R, --regression-tests accepted for scripts that give it
  -h, --help             this text
      --version          the version of the language

With CIB_file=FILE in the environment the commands work on that file instead
of the running cluster.

Examples:
  crm status
  crm configure primitive vip IPaddr2 params ip=10.0.0.1 op monitor interval=10s
  crm configure load update cluster.crm
  crm resource move web alpha
`

// help runs help [COMMAND], help [LEVEL [COMMAND]].
func help(s *session, words []word) error {
	l := s.level()
	for i, w := range words {
		next, err := s.find(l, w.text)
		if err != nil {
			return err
		}
		if next.level == nil {
			if i < len(words)-1 {
				return usageError(fmt.Sprintf("%q has no commands below it", w.text))
			}
			return describe(s, next.command)
		}
		l = next.level
	}
	if len(s.levels) == 1 && l.name == "crm" {
		s.printf("%s\n", mainHelp)
	} else {
		s.printf("%s: %s\n\n", l.name, l.summary)
	}
	for _, sub := range l.levels {
		s.printf("  %-18s %s\n", sub.name+"/", sub.summary)
	}
	for _, c := range append(slices.Clone(l.commands), anywhere()...) {
		s.printf("  %-18s %s\n", c.name, c.summary)
	}
	return nil
}

// describe prints what is known about one command.
func describe(s *session, c *command) error {
	s.printf("%s: %s\n\nusage: %s\n", c.name, c.summary, strings.TrimSpace(c.name+" "+c.usage))
	if others := append(slices.Clone(c.aliases), c.old...); len(others) > 0 {
		s.printf("also: %s\n", strings.Join(others, ", "))
	}
	example := c.example
	if example == "" {
		example = c.name
	}
	s.printf("\nExample:\n  %s\n", example)
	return nil
}
