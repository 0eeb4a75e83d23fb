import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Sets how long connections may take, and how many queries one of them may bring. */
export const timeouts: Plugin = definePlugin({
  name: "timeouts",
  directive: directiveTable,
  setup({ read, write, idle, maxtcpqueries }, { settings }) {
    const { timeouts: before } = settings;
    settings.timeouts = {
      read: read ?? before.read,
      write: write ?? before.write,
      idle: idle ?? before.idle,
    };
    if (maxtcpqueries !== undefined) settings.maxTcpQueries = Math.max(0, maxtcpqueries);
  },
});
