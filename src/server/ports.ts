/**
 * At which port the studio is.
 */
import { PortInUseError, type Server, type ServerOptions, startServer } from "./server.ts";

/** The port of the studio. A browser keeps runs by address, so it should be the same each time. */
export const STUDIO_PORT = 4726;
/** Ports that are tried, that one included, before any free one. */
const TRIED = 10;

/**
 * Serves at the port that was asked for; without one at the studio's own, else at the next that is free. Raises what `startServer`
 * does.
 */
export async function startStudio(options: ServerOptions): Promise<Server> {
  if (options.port !== undefined) return await startServer(options);
  for (let port = STUDIO_PORT; port < STUDIO_PORT + TRIED; port++) {
    try {
      return await startServer({ ...options, port });
    } catch (error) {
      if (!(error instanceof PortInUseError)) throw error;
    }
  }
  return await startServer({ ...options, port: 0 });
}
