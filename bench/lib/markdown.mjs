import { cells } from './report.mjs';

/** Everything that was measured, as a page: the machine, then what each cell does and its tables. */
export function markdown({ machine, rounds, results, failures }, cellsRun, pictureFile) {
  const settings = Object.entries(machine.postgres).map(([name, value]) => `${name} ${value}`);
  const versions = Object.entries(machine.participants).map(([name, version]) => `${name} ${version}`);
  const head = [
    '# Performance',
    `Measured on ${machine.date} by \`npm run bench\`, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}: ${machine.cores} x ${machine.cpu}, ${machine.memory_gb} GB, Node ${machine.node}, ${versions.join(', ')}. The machine's load was ${machine.load_at_the_start.toFixed(1)} when it began.`,
    `One embedded PostgreSQL for all: ${settings.join(', ')}.`,
    ...(pictureFile ? [`![Bars of what is told below](${pictureFile})`] : []),
    'Each figure is the median of the rounds, its spread is the lowest and the highest round. Above 1 the column "opsloop is" says how many times better opsloop is, below 1 how many times worse. Absolute figures belong to the machine; ratios of one run can be compared.',
  ];
  const body = cellsRun.flatMap((cell) => {
    const tables = results.filter((result) => result.cell === cell.name);
    if (tables.length === 0) return [];
    return [`## ${cell.heading}`, cell.what, ...tables.flatMap(section)];
  });
  const failed = failures.map(({ cell, message }) => `The cell \`${cell}\` failed: ${message}`);
  return `${[...head, ...body, ...failed].join('\n\n')}\n`;
}

function section(result) {
  const { right, lines } = cells(result);
  const [head, ...rest] = lines.map((line) => `| ${line.map(escape).join(' | ')} |`);
  const rule = `|${right.map((isRight) => (isRight ? '---:' : '---')).join('|')}|`;
  const told = [`${capital(result.better)} is better.`, result.note ?? ''].join(' ').trim();
  return [`### ${result.title}`, told, [head, rule, ...rest].join('\n')];
}

const escape = (text) => text.replaceAll('|', '\\|');
const capital = (text) => text[0].toUpperCase() + text.slice(1);
