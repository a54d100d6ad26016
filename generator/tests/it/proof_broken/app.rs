//! The app: its Ingress, its Service and its pods.

use super::{Broken, CONTROL_PLANES, Change, EXAMPLE};

pub(super) const BROKEN: &[Broken] = &[
    Broken {
        name: "ingress-host",
        topology: CONTROL_PLANES,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("host: hello.example.net", "host: helo.example.net"),
        cause: "hostname-unserved: no DNS record is for helo.example.net: there are app.example.net, git.example.net, grafana.example.net, hello.example.net",
        place: "cluster/hello/hello.yaml:109",
    },
    Broken {
        name: "class",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("ingressClassName: nginx", "ingressClassName: ngnix"),
        cause: "class-unserved: the Ingress hello has the class ngnix, which no controller of the tree serves: the classes are nginx",
        place: "cluster/hello/hello.yaml:107",
    },
    Broken {
        name: "svc-selector",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace(
            "  selector:\n    app.kubernetes.io/name: hello",
            "  selector:\n    app.kubernetes.io/name: helo",
        ),
        cause: "service-without-pods: the Service hello selects no pod: none of hello has app.kubernetes.io/name=helo",
        place: "cluster/hello/hello.yaml:95",
    },
    Broken {
        name: "target-port",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("targetPort: http", "targetPort: web"),
        cause: "service-without-pods: no container of hello listens on the target port `web` of the Service hello",
        place: "cluster/hello/hello.yaml:99",
    },
    Broken {
        name: "backend-port",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace(
            "            port:\n              name: http",
            "            port:\n              name: web",
        ),
        cause: "service-unknown: the Service hello.hello has no port `web`: it has 80",
        place: "cluster/hello/hello.yaml:118",
    },
    Broken {
        name: "backend-name",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace(
            "          service:\n            name: hello",
            "          service:\n            name: helo",
        ),
        cause: "service-unknown: there is no Service helo.hello in the tree, only hello.hello, ingress-nginx-controller.ingress-nginx",
        place: "cluster/hello/hello.yaml:116",
    },
    Broken {
        name: "pod-label",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace(
            "      labels:\n        app.kubernetes.io/name: hello",
            "      labels:\n        app.kubernetes.io/name: helo",
        ),
        cause: "service-without-pods: the Service hello selects no pod: none of hello has app.kubernetes.io/name=hello",
        place: "cluster/hello/hello.yaml:95",
    },
    Broken {
        name: "app-port",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("--port=8080", "--port=8081"),
        cause: "pods-not-ready: hello listens on 8081, which is not one of its ports",
        place: "cluster/hello/hello.yaml:59",
    },
    Broken {
        name: "nodeselector",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("      enableServiceLinks: false", "      nodeSelector: {a: b}"),
        cause: "not-understood: unknown field `nodeSelector`, expected one of hostNetwork, containers, volumes, automountServiceAccountToken, enableServiceLinks, securityContext, terminationGracePeriodSeconds, topologySpreadConstraints",
        place: "cluster/hello/hello.yaml:31",
    },
    Broken {
        name: "replicas",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("replicas: 2", "replicas: 0"),
        cause: "pods-not-ready: hello has no pods",
        place: "cluster/hello/hello.yaml:16",
    },
];
