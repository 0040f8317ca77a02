package crm

import "strings"

// converse reads lines from the terminal until quit or the end of input.
func (s *session) converse() {
	for !s.done {
		s.printf("%s", s.prompt())
		line, err := s.in.ReadString('\n')
		if text := strings.TrimSpace(line); text != "" {
			if err := s.line(text); err != nil {
				s.report(err)
			}
		}
		if err != nil {
			return
		}
	}
}

// prompt names the document and the open levels.
func (s *session) prompt() string {
	where := "live"
	if name := s.usedShadow(); name != "" {
		where = name
	} else if file := s.getenv("CIB_file"); file != "" {
		where = file
	}
	var names []string
	for _, l := range s.levels[1:] {
		names = append(names, l.name)
	}
	return "crm(" + where + ")" + strings.Join(names, "/") + "# "
}
