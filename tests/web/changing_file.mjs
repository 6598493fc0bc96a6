// Reads twice from a file that is another one the second time: node changing_file.mjs ADDRESS; prints what is said.
import { HttpSource } from "../../src/dymap/web/file/http.js";

const source = new HttpSource(process.argv[2]);
await source.size();
console.log(JSON.stringify(await source.read(10 ** 6, 10).catch((error) => error.message)));
