/** The engine as the page calls it: a worker made of the script that the page carries. */
import type { Ask, CallName, Calls, Reply } from "../../src/map/protocol.ts";

export interface EngineClient {
  call<K extends CallName>(call: K, ask: Calls[K]["ask"]): Promise<Calls[K]["answer"]>;
}

export function bytesIn(id: string): Uint8Array<ArrayBuffer> {
  const text = atob(document.getElementById(id)?.textContent?.trim() ?? "");
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export async function startEngine(): Promise<EngineClient> {
  const stream = new Blob([bytesIn("engine")]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = await new Response(stream).blob();
  const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const waiting = new Map<number, { done: (answer: never) => void; failed: (error: Error) => void }>();
  let id = 0;
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    const who = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) who?.failed(new Error(data.error));
    else who?.done(data.answer as never);
  };
  worker.onerror = ({ message }) => {
    for (const { failed } of waiting.values()) failed(new Error(message));
    waiting.clear();
  };
  return {
    call: (call, ask) =>
      new Promise((done, failed) => {
        waiting.set(++id, { done, failed });
        worker.postMessage(
          { id, call, ask } satisfies Ask,
          call === "open" ? [(ask as { data: ArrayBuffer }).data] : [],
        );
      }),
  };
}
