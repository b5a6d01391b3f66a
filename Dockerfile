# Both services. Each runs as an unprivileged user on a read-only root file system, without npm.
#
#   docker build --target farmer -t downstream-farmer .
#   docker build --target mock-node -t downstream-mock-node .

ARG NODE_IMAGE=node:26-bookworm-slim

# Only the manifests, so that a change of sources does not invalidate the installed dependencies.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete \
  && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY . .
# Keeps the compiled JavaScript, the assets and the manifests.
RUN node node_modules/typescript/bin/tsc -b farmer mock-node \
  && rm -rf packages/testcontainers packages/*/node_modules farmer/node_modules mock-node/node_modules \
  && find packages farmer mock-node -type f ! -path '*/assets/*' ! -name '*.js' ! -name package.json -exec rm {} + \
  && find packages farmer mock-node -type d -empty -delete

# Run-time dependencies of each service, without source maps, types and documentation; licences stay.
FROM ${NODE_IMAGE} AS farmer-dependencies
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm \
  npm ci --omit=dev --ignore-scripts --workspace @downstream/farmer \
  && find . -type f -path '*/node_modules/*' \( -name '*.map' -o -name '*.[cm]ts' -o -name '*.ts' -o -iname '*.md' \) -delete \
  && rm -rf package-lock.json mock-node integration bench packages/testcontainers

FROM ${NODE_IMAGE} AS mock-node-dependencies
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm \
  npm ci --omit=dev --ignore-scripts --workspace @downstream/mock-node \
  && find . -type f -path '*/node_modules/*' \( -name '*.map' -o -name '*.[cm]ts' -o -name '*.ts' -o -iname '*.md' \) -delete \
  && rm -rf package-lock.json farmer integration bench packages/testcontainers

FROM ${NODE_IMAGE} AS farmer
WORKDIR /app
COPY --from=farmer-dependencies /app ./
COPY --from=build /app/packages ./packages
COPY --from=build /app/farmer ./farmer
# For `docker exec farmer downstream …`. A new volume inherits the owner of /data.
RUN ln -s /app/farmer/bin/downstream.js /usr/local/bin/downstream && install -d -o 1000 -g 1000 -m 700 /data
ENV NODE_ENV=production \
  FARMER_DATA_DIR=/data \
  FARMER_HTTP_HOST=0.0.0.0
USER 1000:1000
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/app/farmer/dist/healthcheck.js"]
ENTRYPOINT ["node", "/app/farmer/bin/downstream.js"]
# Last, so that they do not invalidate cached layers.
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Downstream farmer" \
  org.opencontainers.image.description="Accepts storage contracts from a node, stores their chunks, and proves them before each deadline." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"

FROM ${NODE_IMAGE} AS mock-node
WORKDIR /app
COPY --from=mock-node-dependencies /app ./
COPY --from=build /app/packages ./packages
COPY --from=build /app/mock-node ./mock-node
# For MOCK_STATE=/state/node.db. A new volume inherits the owner of /state.
RUN install -d -o 1000 -g 1000 -m 700 /state
ENV NODE_ENV=production \
  MOCK_HOST=0.0.0.0
USER 1000:1000
VOLUME /state
# 5000: node API. 5001: control API, metrics and page, which faults do not affect.
EXPOSE 5000 5001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/app/mock-node/dist/healthcheck.js"]
ENTRYPOINT ["node", "/app/mock-node/dist/main.js"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Downstream mock node" \
  org.opencontainers.image.description="A node that verifies proofs and injects faults, for development and tests." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
