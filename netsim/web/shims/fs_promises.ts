import { readFileSync } from "./fs.ts";

const none = async (file: string): Promise<never> => readFileSync(file);
export { none as readFile, none as readdir, none as stat };
