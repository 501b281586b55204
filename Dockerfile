# Built in one stage, run from another: the image holds Node, the bundled server and its runtime packages alone.
FROM node:22-alpine AS build
RUN apk add --no-cache python3 make g++
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.base.json ./
COPY src src
COPY scripts scripts
RUN npm run build \
 && npm prune --omit=dev --no-audit --no-fund \
 && rm -rf node_modules/better-sqlite3/deps node_modules/better-sqlite3/src \
 && find node_modules/better-sqlite3/build -type f ! -name better_sqlite3.node -delete

FROM node:22-alpine
ENV NODE_ENV=production FAIRWAY_DATA_DIR=/data FAIRWAY_PORT=8080
RUN mkdir /data && chown node:node /data \
 && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn*
WORKDIR /fairway
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist/definitions dist/definitions
COPY --from=build /build/dist/bundle dist/bundle
USER node
# The root file system may be read-only (docker run --read-only): everything that changes is in /data.
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FAIRWAY_PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/bundle/main.js"]
CMD ["serve"]
