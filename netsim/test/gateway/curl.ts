/** Many requests with one process of curl: each with files of its own for what came back. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The reason to skip, false when curl is there and can do HTTP/2. */
export function withoutCurl(): string | false {
  const { status, stdout } = spawnSync("curl", ["--version"], { encoding: "utf8" });
  if (status !== 0) return "there is no curl here";
  return /HTTP2/.test(stdout) ? false : "this curl cannot do HTTP/2";
}

export interface CurlRequest {
  readonly url: string;
  readonly method: string;
  /** `Name: value`. */
  readonly headers: readonly string[];
  /** Lines of a curl configuration: `http2`, `cert = "..."`. */
  readonly options?: readonly string[];
  readonly body?: string;
}

export interface CurlAnswer {
  /** 0 without an answer. */
  readonly status: number;
  /** Names in lower case; several lines of one are joined by commas; trailers are among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** `folder` gets the files; requests are sent one after the other unless `parallel` says how many at once. */
export async function curl(folder: string, requests: readonly CurlRequest[]): Promise<CurlAnswer[]> {
  const lines = requests.flatMap(({ url, method, headers, options = [], body }, i) => [
    ...(i === 0 ? [] : ["next"]),
    `url = ${quoted(url)}`,
    method === "HEAD" ? "head" : `request = ${quoted(method)}`,
    ...headers.map((line) => `header = ${quoted(line)}`),
    ...(body === undefined ? [] : [`data-binary = ${quoted(body)}`]),
    ...options,
    "insecure",
    "path-as-is",
    "max-time = 20",
    'noproxy = "*"',
    `output = ${quoted(join(folder, `${i}.body`))}`,
    `dump-header = ${quoted(join(folder, `${i}.head`))}`,
  ]);
  const config = join(folder, "curl.conf");
  writeFileSync(config, lines.join("\n"));
  await new Promise<void>((resolve) => {
    const child = spawn("curl", ["-q", "--silent", "-K", config], { stdio: "ignore" });
    child.on("close", () => resolve());
  });
  return requests.map((_, i) => {
    const read = (ending: string): string => {
      try {
        return readFileSync(join(folder, `${i}.${ending}`), "utf8");
      } catch {
        return "";
      }
    };
    const [first = "", ...rest] = read("head").split(/\r?\n/);
    const headers: Record<string, string> = {};
    for (const line of rest) {
      const colon = line.indexOf(":");
      if (colon < 1) continue;
      const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      headers[name] = name in headers ? `${headers[name]},${value}` : value;
    }
    return { status: Number(/^HTTP\/[\d.]+ (\d+)/.exec(first)?.[1] ?? 0), headers, body: read("body") };
  });
}
