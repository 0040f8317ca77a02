package source

import "strings"

// WithoutSecrets leaves passwords out of the words of a command, which the history of configurations keeps.
func WithoutSecrets(words []string) []string {
	var kept []string
	for i := 0; i < len(words); i++ {
		if words[i] == "-p" {
			kept = append(kept, "-p", "…")
			i++
			continue
		}
		if strings.HasPrefix(words[i], "-p") && len(words[i]) > 2 {
			kept = append(kept, "-p…")
			continue
		}
		if name, _, ok := strings.Cut(words[i], "="); ok && secretName(name) {
			kept = append(kept, name+"=…")
			continue
		}
		kept = append(kept, words[i])
	}
	return kept
}

func secretName(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "passw") || name == "secret" || name == "token" || name == "--token"
}
