/** Figures that a long test measured, for whoever reads its output. */
export function tell(what: string, figures: Record<string, string | number>): void {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`\n${what}: ${text.join(', ')}\n`);
}
