// Fetches clips whole: node fetch_clip.mjs ADDRESS ...; prints for each the digest of its hash tables, or what is wrong.
import { Clip } from "../../src/dymap/web/file/clip.js";
import { sha } from "./digest.mjs";

const told = [];
for (const address of process.argv.slice(2)) {
  const clip = new Clip(address);
  try {
    const { bytes } = await clip.open();
    const digests = [];
    for (let index = 0; index < clip.spans.length; index++) digests.push(sha((await clip.segment(index)).hash[2]));
    told.push({ bytes, digests });
  } catch (error) {
    told.push(error.name === "ClipFault" ? { refused: error.message } : { bug: `${error.stack}` });
  } finally {
    clip.close();
  }
}
console.log(JSON.stringify(told));
