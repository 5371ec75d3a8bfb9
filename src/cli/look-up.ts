import { AppError } from '../errors.ts';

/** Asks for an id under each of the things it can name, until one of them has it. */
export async function lookUp<Answer>(id: string, places: (() => Promise<Answer>)[]): Promise<Answer> {
  for (const place of places) {
    try {
      return await place();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
    }
  }
  throw new AppError('not_found', `Nothing has the id ${id}: no proposal, mission or step.`);
}
