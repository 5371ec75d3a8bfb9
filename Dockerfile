# Needs a PostgreSQL: compose.yaml brings one. Builds with the lock file and runs without any install script.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24-bookworm-slim
ENV NODE_ENV=production OPSLOOP_HOME=/var/lib/opsloop
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The embedded PostgreSQL stays out: the database is a service of its own here.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force \
  && install -d -o node -g node /var/lib/opsloop
COPY --from=build /app/dist dist
COPY sql sql
COPY README.md LICENSE ./
USER node
VOLUME /var/lib/opsloop
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "-e", "fetch('http://127.0.0.1:8787/api/status').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["up", "--host", "0.0.0.0", "--allow-remote"]
