/** Ingress and Gateway API objects that the API server would refuse, by line and field. */
import t from "tap";
import { loadText } from "../../src/model/load.ts";

const faults = (text: string) => {
  const { problems, ingresses, gatewayObjects } = loadText(text);
  const list = problems.map((p) => [p.severity, p.line, p.field ?? "", p.message] as const);
  return { list, kept: ingresses.length + gatewayObjects.length };
};

t.test("Ingress", (t) => {
  const { list, kept } = faults(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: old}
spec:
  rules:
  - host: a.example.com
    http:
      paths:
      - path: /
        backend: {serviceName: web, servicePort: 80}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: wrong}
spec:
  rules:
  - http:
      paths:
      - path: api
        pathType: Prefix
        backend: {service: {name: web, port: {number: 80, name: http}}}
      - path: /
        pathType: prefix
        backend: {service: {name: web, port: {number: 99999}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: empty}
spec: {ingressClassName: nginx}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: good}
spec: {defaultBackend: {service: {name: web, port: {name: http}}}}
`);
  t.equal(kept, 1, "only the good one is left");
  const at = (line: number, field: string, message: RegExp) =>
    t.ok(
      list.some((p) => p[1] === line && p[2] === field && message.test(p[3])),
      `${line} ${field}`,
    );
  at(9, "spec.rules[0].http.paths[0].pathType", /is missing/);
  at(10, "spec.rules[0].http.paths[0].backend.serviceName", /is not a field/);
  at(10, "spec.rules[0].http.paths[0].backend", /needs service or resource/);
  at(19, "spec.rules[0].http.paths[0]", /must begin with a slash/);
  at(21, "spec.rules[0].http.paths[0].backend.service", /port\.name or port\.number/);
  at(23, "spec.rules[0].http.paths[1].pathType", /must be Exact, Prefix/);
  at(24, "spec.rules[0].http.paths[1].backend.service.port.number", /65535/);
  at(29, "spec", /rules or a defaultBackend/);
  t.end();
});

t.test("Gateway API", (t) => {
  const { list, kept } = faults(`apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  listeners:
  - {name: http, port: 80}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{namespace: x}]
  rules:
  - matches:
    - path: {type: Prefix, value: /api}
    - headers: [{name: X-A}]
    backendRefs:
    - {name: web, port: 80, weight: 90%}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good}
spec: {parentRefs: [{name: g}], rules: [{matches: [{method: GET, path: {value: /}}], backendRefs: [{name: web, port: 80}]}]}
`);
  t.equal(kept, 1);
  t.same(
    list.map((p) => [p[1], p[2]]).sort((a, b) => Number(a[0]) - Number(b[0])),
    [
      [4, "spec.gatewayClassName"],
      [6, "spec.listeners[0].protocol"],
      [12, "spec.parentRefs[0].name"],
      [15, "spec.rules[0].matches[0].path.type"],
      [16, "spec.rules[0].matches[1].headers[0].value"],
      [18, "spec.rules[0].backendRefs[0].weight"],
    ],
  );
  t.end();
});
