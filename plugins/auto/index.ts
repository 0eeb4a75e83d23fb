import { statSync } from "node:fs";
import { NOTIFIER, TRANSFER } from "../../src/capabilities.ts";
import { REFUSED } from "../../src/dns/message.ts";
import { isWithin, nameText, type Name } from "../../src/dns/name.ts";
import { definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";
import { followFolder } from "./folder.ts";
import { originsBy } from "./origin.ts";

/** Answers from the zone files of a folder; zones come and go with their files. */
export const auto: Plugin = definePlugin({
  name: "auto",
  directive: directiveTable,
  setup({ zones: served, directory, reload }, context) {
    const { log } = context;
    const path = context.path(directory.folder);
    try {
      statSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        throw new SetupError(
          `"${directory.folder}" can't be looked at (${(error as Error).message}): give a folder that can be read`,
        );
      log.warning(`Directory does not exist: ${directory.folder}`);
    }
    const notify = async (origin: Name): Promise<void> => {
      const [notifier] = context.find(NOTIFIER);
      const failure = await notifier?.(origin);
      if (failure !== undefined) log.warning(failure);
    };
    const folder = followFolder({
      folder: { path, shown: directory.folder },
      originOf: originsBy(directory.pattern, directory.template),
      interval: reload,
      log,
      onChange: (origin) => void notify(origin),
    });
    const { zones } = folder;
    let isLast = false;

    context.provide(TRANSFER, { records: (name, serial) => zones.get(name)?.transfer(serial) });

    return {
      answer(query, next) {
        const { name } = query;
        if (!served.some((zone) => isWithin(name, zone))) return next(query);
        const zone = zones.find(name);
        if (zone === undefined) return isLast ? REFUSED : next(query);
        return zone.answer(query);
      },
      metadata(query, label) {
        if (label !== "zone/wildcard") return undefined;
        const wildcard = zones.find(query.name)?.wildcardFor(query);
        return wildcard === undefined ? undefined : nameText(wildcard);
      },
      async start() {
        isLast = context.chain().at(-1) === "auto";
        await folder.start();
      },
      listening() {
        for (const { origin } of zones.all) void notify(origin);
      },
      close: folder.close,
    };
  },
});
