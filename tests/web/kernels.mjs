// Constants, lanes, sizes and shaders of fields, and rays of views, as JSON; argument: a file with what is asked.
import { readFileSync } from "node:fs";
import { raysOfView } from "../../src/dymap/web/gpu/lens.js";
import { frameBytes, kernelConstants, networkLanes } from "../../src/dymap/web/gpu/sizes.js";
import { writeShader } from "../../src/dymap/web/gpu/template.js";

const asked = JSON.parse(readFileSync(process.argv[2], "utf8"));
const text = (name) => readFileSync(new URL(`../../src/dymap/web/gpu/${name}.wgsl`, import.meta.url), "utf8");
const fields = asked.fields.map(({ field, levels, grid, parts }) => {
  const constants = kernelConstants(field, levels, grid);
  return {
    constants,
    lanes: networkLanes(field),
    bytes: ["f32", "packed", "f16"].map((numbers) => frameBytes(constants, numbers)),
    shader: writeShader(parts.map(text), constants),
  };
});
const views = asked.views.map(({ view, size }) => raysOfView(view, ...size));
console.log(JSON.stringify({ fields, views }));
