// Pictures while something moves, on GPUs that take so many ms for each and so many for a million pixels; as JSON.
import { GpuPace } from "../../src/dymap/web/gpu/pace.js";

const full = 1024 * 1024;
const speeds = JSON.parse(process.argv[2]);
console.log(
  JSON.stringify(
    speeds.map(([each, million]) => {
      const pace = new GpuPace();
      const took = [];
      for (let picture = 0; picture < 60; picture++) {
        const share = pace.share(full);
        const ms = picture ? each + (million * full * share ** 2) / 1e6 : 900;
        pace.took(full * share ** 2, ms);
        took.push([share, ms]);
      }
      return took;
    }),
  ),
);
