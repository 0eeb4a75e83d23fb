/** The server for names outside the cluster: what `forward` asks. Its CPU counts for nobody. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../test/support/paths.ts";
import { OUTSIDE } from "../questions.ts";
import { startKnot } from "../servers/knot.ts";
import { wildcardZone } from "../servers/zones.ts";
import { untilAnswered } from "./ask.ts";
import { findProgram, startProcess, type ServerProcess } from "./process.ts";

/** Knot where it is installed, since it takes the least from the machine; else ours. */
export async function startUpstream(directory: string, port: number): Promise<ServerProcess> {
  mkdirSync(directory, { recursive: true });
  const server =
    findProgram("knotd") === undefined
      ? startOurs(directory, port)
      : startKnot({ directory, port }, new Map([[OUTSIDE, wildcardZone(OUTSIDE)]]));
  await untilAnswered(port, [`any.${OUTSIDE}`, "A"], () => server.cpu());
  return server;
}

function startOurs(directory: string, port: number): ServerProcess {
  const file = join(directory, "Corefile");
  const template = [`.:${port} {`, "    bind 127.0.0.1", `    template IN A ${OUTSIDE} {`];
  const answer = '        answer "{{ .Name }} 60 IN A 192.0.2.80"';
  writeFileSync(file, [...template, answer, "    }", "}", ""].join("\n"));
  return startProcess({
    command: process.execPath,
    args: [join(root, "bin/clusterdns"), "-conf", file],
    cwd: directory,
    logFile: join(directory, "log"),
  });
}
