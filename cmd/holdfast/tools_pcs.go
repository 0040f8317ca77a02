package main

import "holdfast/shell/pcs"

// pcsTools are the programs of pcs's command language.
var pcsTools = map[string]tool{"pcs": pcs.Run}
