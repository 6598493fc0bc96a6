/** What benchmarks/stage.py does in the page: engines that drag, release or play, and when their pictures came. */
(async ({ count, seconds, side, kind }) => {
  const { ServerEngine } = await import(new URL("./engines/server.js", document.baseURI));
  const wait = ms => new Promise(done => setTimeout(done, ms)), step = () => wait(16), sum = [0, 1, 2];
  const engines = [], shown = [], released = [];
  document.body.replaceChildren();
  for (let k = 0; k < count; ++k) {
    const engine = new ServerEngine(), canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [side, side];
    canvas.style.width = "64px";
    document.body.append(canvas);
    await engine.open();
    engine.attach(canvas);
    engine.addEventListener("picture", ({ detail }) => {
      const { kind, width, bytes, ms, view } = detail;
      shown.push({ engine: k, at: performance.now(), frame: view.frame, kind, width, bytes, ms });
    });
    engines.push(engine);
  }
  const { cameras, frames, fps, box } = engines[0].clip, began = performance.now();

  /** A camera of the capture, turned about the vertical through the middle of the clip. */
  function view(k, angle, more) {
    const { R, T, K, width, height } = cameras[k % cameras.length];
    const [c, s] = [Math.cos(angle), Math.sin(angle)], turn = [c, -s, 0, s, c, 0, 0, 0, 1];
    const middle = [(box[0] + box[3]) / 2, (box[1] + box[4]) / 2, 0];
    const row = (m, i, v) => sum.reduce((a, n) => a + m[3 * i + n] * v(n), 0);
    const at = sum.map(i => middle[i] - row(turn, i, n => middle[n]));
    const moved = sum.map(i => T[i] + row(R, i, n => at[n]));
    const turned = sum.flatMap(i => sum.map(j => row(R, i, n => turn[3 * n + j])));
    return { R: turned, T: moved, K, width, height, frame: 0, layer: "colour", background: [0, 0, 0], exposure: 0, ...more };
  }

  const come = (engine, kind) => new Promise(done => {
    const take = ({ detail }) => {
      if (kind && detail.kind !== kind) return;
      engine.removeEventListener("picture", take);
      done(performance.now());
    };
    engine.addEventListener("picture", take);
  });
  if (kind === "release") {
    for (let round = 0; round < 10; ++round) {
      for (let k = 0; k < 30; ++k) {
        engines[0].request(view(0, 0.1 * round + 0.003 * k, { moving: true }));
        await step();
      }
      const came = come(engines[0], "full"), at = performance.now();
      engines[0].request(view(0, 0.1 * round + 0.1, { moving: false }));
      released.push((await came) - at);
    }
  } else if (kind === "single") {
    for (let k = 0; k < 60; ++k) {
      const came = come(engines[0]);
      engines[0].request(view(0, 0.01 * k, { moving: true }));
      await came;
      await step();
    }
  }
  while (performance.now() - began < 1000 * seconds) {
    const now = (performance.now() - began) / 1000, playing = kind === "play";
    const more = { moving: true, frame: playing ? Math.floor(now * fps) % frames : 0 };
    engines.forEach((engine, k) => engine.request(view(3 * k, playing ? 0 : 0.5 * now, more)));
    await step();
  }
  const end = performance.now();
  await wait(300);
  engines.forEach(engine => engine.close());
  return JSON.stringify({ seconds: (end - began) / 1000, shown, released, fps });
})
