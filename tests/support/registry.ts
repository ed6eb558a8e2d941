// Finds out whether npm packages can be downloaded.

/** Returns the reason why this machine cannot download npm packages, or an empty string. */
export async function findRegistryObstacle(): Promise<string> {
  try {
    const { success } = await new Deno.Command("npm", { args: ["ping"] }).output();
    return success ? "" : "the npm registry is out of reach";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no npm here";
    throw error;
  }
}
