/** The quiz: the commands that answer it, and what Ingress and Gateway API objects can say (the other answers have tests of their own). */
import t from "tap";
import { netsim } from "../cli/support.ts";
import { readme } from "./console.ts";

readme(t, "14-quiz");

t.test("3: annotations of one controller against the standard", (t) => {
  const lines = netsim(["route", "--capabilities"]).stdout.split("\n");
  const row = (what: string): string[] =>
    lines
      .find((l) => l.startsWith(`| ${what} `))
      ?.split("|")
      .map((cell) => cell.trim()) ?? [];
  for (const [what, ingress, gateway] of [
    ["host and path", /^yes/, /^yes/],
    ["shares of traffic", /^only /, /weight/],
    ["header", /^only /, /matches\.headers/],
    ["TCP", /^no$/, /TCPRoute/],
    ["UDP", /^no$/, /UDPRoute/],
    ["gRPC by service and method", /^only |^no$/, /GRPCRoute/],
    ["Services of other namespaces", /^no$/, /ReferenceGrant/],
    ["who may use an entrance", /^no$/, /allowedRoutes/],
  ] as const) {
    t.match(row(what)[2], ingress, `Ingress: ${what}`);
    t.match(row(what)[3], gateway, `Gateway API: ${what}`);
  }
  t.end();
});
