// Package spelling finds the word that a misspelled one was meant to be, for error messages.
package spelling

// Nearest returns the first of the known words that is the fewest edits from word, and at most within edits from it;
// "" when none is.
func Nearest(word string, known []string, within int) string {
	best, distance := "", within+1
	for _, k := range known {
		if d := edits(word, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits is the number of letters to insert, drop or change between two words (Levenshtein's distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
