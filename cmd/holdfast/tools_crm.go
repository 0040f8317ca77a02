package main

import "holdfast/shell/crm"

// crmTools are the programs of the crm shell.
var crmTools = map[string]tool{"crm": crm.Main}
