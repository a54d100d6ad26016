// CoreDNS for the tests: upstream's server with the plugins of the Corefile that kubeadm writes, and no others.
// From an empty cache of Go its build takes 199 s of processor time, and that of upstream's whole program 241 s
// (CoreDNS 1.15.0, Go 1.26.8, 2026-11).
//
// A build with other plugins is a program that imports them and starts coremain (coredns.io/manual/plugins, "External
// plugins"). The order of the plugins is upstream's: it is in dnsserver.Directives, which coremain brings.
package main

import (
	"github.com/coredns/coredns/coremain"

	// kubeadm v1.37.2, cmd/kubeadm/app/phases/addons/dns/manifests.go, CoreDNSConfigMap.
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
)

func main() {
	coremain.Run()
}
