// Scenes of tests in node, one after the other.

/**
 * Plays scenes and prints what each found, as JSON: "right", or its error; then ends.
 * @param {Record<string, () => Promise<void>>} scenes
 * @param {number} [wait] milliseconds before the end: what is rejected until then, and nobody waits for, is an error
 */
export async function tell(scenes, wait = 0) {
  const told = {};
  for (const [name, scene] of Object.entries(scenes)) {
    try {
      await scene();
      told[name] = "right";
    } catch (error) {
      told[name] = `${error.stack}`;
    }
  }
  await new Promise((resolve) => setTimeout(resolve, wait));
  console.log(JSON.stringify(told));
  process.exit(0);
}
