/** `node:fs` where there are no files. */
function none(file: unknown): never {
  throw Object.assign(new Error(`ENOENT: no such file or directory, ${String(file)}: a browser has none`), {
    code: "ENOENT",
  });
}

export const existsSync = (_file: string): boolean => false;
export const readFileSync = none;
export const readdirSync = none;
export const statSync = none;
