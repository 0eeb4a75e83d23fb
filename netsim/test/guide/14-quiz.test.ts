/** The quiz's answers that are not shown elsewhere: its commands, run. */
import t from "tap";
import { readme } from "./console.ts";

readme(t, "14-quiz");
