package director

import (
	"fmt"
	"strings"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/plane"
)

// fits tells whether a plane can do all that the services of a configuration ask for, and what it does in another way, by file and line.
func fits(p plane.Abilities, c *config.Config) (differs []string, err error) {
	for _, s := range c.Services {
		for i, k := range s.Keys {
			as := s.As(k, s.All())
			if err := p.Supports(as); err != nil {
				return nil, fmt.Errorf("%s: %w", s.At, err)
			}
			if how := p.Differs(as); how != "" && i == 0 {
				differs = append(differs, fmt.Sprintf("%s: data plane %s %s", s.At, p.Name(), how))
			}
		}
	}
	return differs, nil
}

// fits tells whether the plane can do all that a configuration asks for, before anything is touched, and logs what it does in another way.
func (d *Daemon) fits(c *config.Config) error {
	differs, err := fits(d.plane, c)
	if err != nil {
		return err
	}
	lacks := func(feature string) error {
		return fmt.Errorf("%s: %w", strings.Join(c.Files, ", "), &plane.Unsupported{Plane: d.plane.Name(), Feature: feature, Instead: "choose the plane ipvs or ebpf"})
	}
	if _, ok := d.plane.(plane.Timed); !ok && c.Timeouts != (plane.Timeouts{}) {
		return lacks("timeouts of connections")
	}
	if _, ok := d.plane.(plane.Synchronized); !ok && len(c.Syncs) > 0 {
		return lacks("an exchange of connections with a peer")
	}
	for _, one := range differs {
		d.log.Warn(one)
	}
	return nil
}
