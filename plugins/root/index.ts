import { statSync } from "node:fs";
import { resolve } from "node:path";
import { definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** The folder that relative names of files of this block belong to. */
export const root: Plugin = definePlugin({
  name: "root",
  directive: directiveTable,
  setup({ path }, { settings, log }) {
    settings.root = resolve(path);
    try {
      statSync(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT")
        throw new SetupError(`"${path}" can't be looked at (${message}): give a folder that can be read`);
      // It may come later.
      log.warning(`Root path does not exist: ${path}`);
    }
  },
});
