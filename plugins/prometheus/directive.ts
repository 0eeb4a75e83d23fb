import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Serves metrics on /metrics over HTTP.",
  args: { address: { type: "hostport", default: "localhost:9153" } },
  options: {
    runtime_metrics: { type: "flag", doc: "More metrics of the runtime." },
    tls: { type: "path", repeat: "once", doc: "A web configuration file of Prometheus' exporters." },
  },
});
