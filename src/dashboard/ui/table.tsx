import type { ReactNode } from 'react';
import styles from './table.module.css';

export type Column<Row> = {
  name: string;
  /** For numbers: they stand below each other. */
  numeric?: boolean;
  cell: (row: Row) => ReactNode;
};

type Props<Row> = {
  /** What the rows are, for those who hear the page. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
};

/** Rows and columns; on a narrow screen each row becomes a block with its columns' names before the values. */
export function Table<Row>({ caption, columns, rows, keyOf }: Props<Row>) {
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <caption className={styles.caption}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name, numeric }) => (
              <th key={name} scope="col" data-numeric={numeric}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, numeric, cell }) => (
                <td key={name} data-name={name} data-numeric={numeric}>
                  <div className={styles.cell}>{cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
