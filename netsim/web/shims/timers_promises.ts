import { setImmediate as turn } from "./globals.ts";

export const setImmediate = (): Promise<void> => new Promise((then) => turn(() => then()));
