BEGIN TRANSACTION;
CREATE TABLE blobs (
	digest TEXT NOT NULL, 
	role TEXT NOT NULL, 
	size_bytes BIGINT, 
	state TEXT NOT NULL, 
	reason TEXT, 
	detail TEXT, 
	is_temporary BOOLEAN, 
	finished_at FLOAT NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "blobs" VALUES('sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9','manifest',754,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
INSERT INTO "blobs" VALUES('sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3','manifest',426,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
INSERT INTO "blobs" VALUES('sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a','manifest',1260,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
INSERT INTO "blobs" VALUES('sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f','manifest',404,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
INSERT INTO "blobs" VALUES('sha256:70e93b787c61d487fd1837682da9143281e6d6355e8baa6db6dc3aebde3f510f','config',577,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
INSERT INTO "blobs" VALUES('sha256:c6637a80ff74272172b1b920648dc3086f139f5670a959022ea6f08d24008bdf','layer',357898,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
INSERT INTO "blobs" VALUES('sha256:ed3f3da638099d60cdb779fa0dc713a1189db1af43f73a9928a3db570a8d45c2','config',568,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
INSERT INTO "blobs" VALUES('sha256:94b08ba0b753e63fbae087864a6312a57370faf36805dfa3cf63d2bfde0b2aac','layer',163926,'done',NULL,NULL,NULL,1.79558061831947016716e+09);
CREATE TABLE evidence (
	id INTEGER NOT NULL, 
	registry TEXT NOT NULL, 
	url TEXT NOT NULL, 
	status INTEGER, 
	reason TEXT NOT NULL, 
	body_sha256 TEXT NOT NULL, 
	seen_at FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE image_manifests (
	image_id INTEGER NOT NULL, 
	manifest_digest TEXT NOT NULL, 
	PRIMARY KEY (image_id, manifest_digest), 
	FOREIGN KEY(image_id) REFERENCES images (id), 
	FOREIGN KEY(manifest_digest) REFERENCES manifests (digest)
);
INSERT INTO "image_manifests" VALUES(28,'sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3');
INSERT INTO "image_manifests" VALUES(29,'sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f');
CREATE TABLE image_profiles (
	digest TEXT NOT NULL, 
	profile_version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT, 
	duration_s FLOAT NOT NULL, 
	finished_at FLOAT NOT NULL, 
	files BIGINT, 
	directories BIGINT, 
	cls_bytes BIGINT, 
	als_bytes BIGINT, 
	fls_bytes BIGINT, 
	layers BIGINT, 
	PRIMARY KEY (digest)
);
INSERT INTO "image_profiles" VALUES('sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3',1,'done','complete',NULL,0.1,1795580620.5,3,2,300000,10240,5000,1);
INSERT INTO "image_profiles" VALUES('sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f',1,'done','complete',NULL,0.1,1795580620.5,3,2,300000,10240,5000,1);
CREATE TABLE images (
	id INTEGER NOT NULL, 
	repository_id INTEGER NOT NULL, 
	reference TEXT NOT NULL, 
	tags_rule TEXT, 
	state TEXT NOT NULL, 
	platforms TEXT, 
	missed_platforms TEXT, 
	root_digest TEXT, 
	reason TEXT, 
	detail TEXT, 
	is_temporary BOOLEAN, 
	finished_at FLOAT, 
	attempts INTEGER DEFAULT 0 NOT NULL, 
	retry_at FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (repository_id, reference), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id)
);
INSERT INTO "images" VALUES(22,45,'latest','latest','failed',NULL,NULL,NULL,'invalid_name','''gilliam-like/scheduler-_worker'' breaks the image-name grammar: it cannot be pulled',0,NULL,0,NULL);
INSERT INTO "images" VALUES(28,31,'latest','latest','done','linux/amd64',NULL,'sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9',NULL,NULL,NULL,1.79558061831947016716e+09,0,NULL);
INSERT INTO "images" VALUES(29,30,'latest','latest','done','linux/amd64',NULL,'sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a',NULL,NULL,NULL,1.79558061831947016716e+09,0,NULL);
CREATE TABLE layer_profiles (
	digest TEXT NOT NULL, 
	profile_version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT, 
	duration_s FLOAT NOT NULL, 
	finished_at FLOAT NOT NULL, 
	files BIGINT, 
	directories BIGINT, 
	cls_bytes BIGINT, 
	als_bytes BIGINT, 
	fls_bytes BIGINT, 
	max_depth BIGINT, 
	PRIMARY KEY (digest)
);
INSERT INTO "layer_profiles" VALUES('sha256:c6637a80ff74272172b1b920648dc3086f139f5670a959022ea6f08d24008bdf',1,'done','complete',NULL,0.5,1795580619.5,3,2,357898,10240,5000,2);
INSERT INTO "layer_profiles" VALUES('sha256:94b08ba0b753e63fbae087864a6312a57370faf36805dfa3cf63d2bfde0b2aac',1,'done','complete',NULL,0.5,1795580619.5,3,2,163926,10240,5000,2);
CREATE TABLE manifest_children (
	parent_digest TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	size_bytes BIGINT, 
	platform TEXT, 
	PRIMARY KEY (parent_digest, position), 
	FOREIGN KEY(parent_digest) REFERENCES manifests (digest)
);
INSERT INTO "manifest_children" VALUES('sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9',0,'sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3','application/vnd.docker.distribution.manifest.v2+json',426,'linux/amd64');
INSERT INTO "manifest_children" VALUES('sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9',1,'sha256:5bc173f2bbbd7547eecf0fbd22336ac7cbb5f5672ad3a0e48037862a313aed80','application/vnd.docker.distribution.manifest.v2+json',426,'linux/arm64/v8');
INSERT INTO "manifest_children" VALUES('sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9',2,'sha256:213e4b59bd5fdad9d2fc91e0f4cccf2b7512d1b255709f2eaa36c72e9dafcea3','application/vnd.docker.distribution.manifest.v2+json',426,'linux/386');
INSERT INTO "manifest_children" VALUES('sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a',0,'sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f','application/vnd.oci.image.manifest.v1+json',404,'linux/amd64');
INSERT INTO "manifest_children" VALUES('sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a',1,'sha256:913c67b2d796020a7c5c6578219203ed36c0b1d7b1ccf42f5f7ed9dd5af9a3b4','application/vnd.oci.image.manifest.v1+json',404,'linux/arm64/v8');
INSERT INTO "manifest_children" VALUES('sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a',2,'sha256:73cf2c4189c08e2839105c3cad10637703e8d3b6249fa7614d1de06d0324b31e','application/vnd.oci.image.manifest.v1+json',385,'unknown/unknown');
INSERT INTO "manifest_children" VALUES('sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a',3,'sha256:a8469edcfacf2295e6f02531be4ec77108f3dd57068fad6d87b7a38bcac2c3d2','application/vnd.oci.image.manifest.v1+json',385,'unknown/unknown');
CREATE TABLE manifest_layers (
	manifest_digest TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	size_bytes BIGINT, 
	PRIMARY KEY (manifest_digest, position), 
	FOREIGN KEY(manifest_digest) REFERENCES manifests (digest)
);
INSERT INTO "manifest_layers" VALUES('sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3',0,'sha256:c6637a80ff74272172b1b920648dc3086f139f5670a959022ea6f08d24008bdf','application/vnd.docker.image.rootfs.diff.tar.gzip',357898);
INSERT INTO "manifest_layers" VALUES('sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f',0,'sha256:94b08ba0b753e63fbae087864a6312a57370faf36805dfa3cf63d2bfde0b2aac','application/vnd.oci.image.layer.v1.tar+gzip',163926);
CREATE TABLE manifests (
	digest TEXT NOT NULL, 
	canonical_digest TEXT NOT NULL, 
	header_digest TEXT, 
	content_type TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	config_digest TEXT, 
	fetched_at FLOAT NOT NULL, 
	flags TEXT DEFAULT '' NOT NULL, 
	artifact_type TEXT, 
	subject_digest TEXT, 
	PRIMARY KEY (digest)
);
INSERT INTO "manifests" VALUES('sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9','sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9','sha256:7aed91b25b549fb21f2f03225b7eda4c4e74723c2a3dc37f8d5951ac7c7f79b9','application/vnd.docker.distribution.manifest.list.v2+json','application/vnd.docker.distribution.manifest.list.v2+json','manifest_list',754,NULL,1.79558061831947016716e+09,'',NULL,NULL);
INSERT INTO "manifests" VALUES('sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3','sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3','sha256:9e2ebb03a5be14ad22dbee15f9a7876790f02bb67a72a2fdb8fc4c39629ef6e3','application/vnd.docker.distribution.manifest.v2+json','application/vnd.docker.distribution.manifest.v2+json','schema2',426,'sha256:70e93b787c61d487fd1837682da9143281e6d6355e8baa6db6dc3aebde3f510f',1.79558061831947016716e+09,'',NULL,NULL);
INSERT INTO "manifests" VALUES('sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a','sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a','sha256:0ed1136190884aed9c4cfc5915e13eaaf2c7971d2128e77b1d42358cd1c77d1a','application/vnd.oci.image.index.v1+json','application/vnd.oci.image.index.v1+json','oci_index',1260,NULL,1.79558061831947016716e+09,'',NULL,NULL);
INSERT INTO "manifests" VALUES('sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f','sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f','sha256:b5f71de4349627687e1713223a515e820c40e7dfc7ba1cef7d4911857a146e8f','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.manifest.v1+json','oci_manifest',404,'sha256:ed3f3da638099d60cdb779fa0dc713a1189db1af43f73a9928a3db570a8d45c2',1.79558061831947016716e+09,'',NULL,NULL);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('format_version','2');
CREATE TABLE pages (
	id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	cursor TEXT NOT NULL, 
	state TEXT NOT NULL, 
	rows INTEGER, 
	rows_new INTEGER, 
	reason TEXT, 
	detail TEXT, 
	is_temporary BOOLEAN, 
	finished_at FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (source, cursor)
);
INSERT INTO "pages" VALUES(1,'sample namespace library','{"page":1,"page_size":90}','done',31,31,NULL,NULL,NULL,1.79558061532081365578e+09);
INSERT INTO "pages" VALUES(2,'sample search *','{"page":1,"page_size":90}','done',87,56,NULL,NULL,NULL,1.7955806153328261375e+09);
CREATE TABLE "plan" (
	rank BIGINT NOT NULL, 
	image_id INTEGER NOT NULL, 
	PRIMARY KEY (rank, image_id)
)
 WITHOUT ROWID

;
CREATE TABLE queries (
	id INTEGER NOT NULL, 
	registry TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	parent_id INTEGER, 
	state TEXT NOT NULL, 
	priority FLOAT NOT NULL, 
	claimed BIGINT, 
	rows INTEGER DEFAULT 0 NOT NULL, 
	distinct_names INTEGER DEFAULT 0 NOT NULL, 
	new_names INTEGER DEFAULT 0 NOT NULL, 
	prefixed INTEGER DEFAULT 0 NOT NULL, 
	last_new INTEGER DEFAULT 0 NOT NULL, 
	pages INTEGER DEFAULT 0 NOT NULL, 
	whole INTEGER DEFAULT 0 NOT NULL, 
	refused_at INTEGER, 
	unreadable INTEGER DEFAULT 0 NOT NULL, 
	retry_at FLOAT DEFAULT 0 NOT NULL, 
	why TEXT, 
	finished_at FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (registry, endpoint, "key"), 
	FOREIGN KEY(registry) REFERENCES registries (name)
);
CREATE TABLE quotas (
	host TEXT NOT NULL, 
	username TEXT NOT NULL, 
	remaining INTEGER NOT NULL, 
	"limit" INTEGER, 
	window_s INTEGER, 
	seen_at FLOAT NOT NULL, 
	PRIMARY KEY (host, username)
);
CREATE TABLE referrers (
	subject_digest TEXT NOT NULL, 
	manifest_digest TEXT NOT NULL, 
	found_by TEXT NOT NULL, 
	PRIMARY KEY (subject_digest, manifest_digest), 
	FOREIGN KEY(manifest_digest) REFERENCES manifests (digest)
);
CREATE TABLE registries (
	name TEXT NOT NULL, 
	source TEXT NOT NULL, 
	last_crawled_at FLOAT, 
	PRIMARY KEY (name)
);
INSERT INTO "registries" VALUES('sample','hub=sample',1.7955806153328261375e+09);
CREATE TABLE repositories (
	id INTEGER NOT NULL, 
	registry TEXT NOT NULL, 
	name TEXT NOT NULL, 
	is_official BOOLEAN, 
	is_pullable BOOLEAN NOT NULL, 
	pull_count BIGINT, 
	star_count BIGINT, 
	description TEXT, 
	registered_at TEXT, 
	last_updated_at TEXT, 
	storage_bytes BIGINT, 
	first_seen_at FLOAT NOT NULL, 
	last_seen_at FLOAT NOT NULL, 
	tags_rule TEXT, 
	gone_at FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (registry, name), 
	FOREIGN KEY(registry) REFERENCES registries (name)
);
INSERT INTO "repositories" VALUES(30,'sample','library/busybox',1,1,730459093,3940,'Busybox base image.','2013-06-16T18:15:39.478854Z','2023-11-14T13:47:42.890544Z',329699,1.79558061532081365578e+09,1.7955806153328261375e+09,'latest',NULL);
INSERT INTO "repositories" VALUES(31,'sample','library/alpine',1,1,1438308391,7307,'A minimal Docker image based on Alpine Linux with a complete package index and only 5 MB in size!','2014-08-04T02:50:42.745118Z','2016-09-14T01:51:36.771055Z',1297408,1.79558061532081365578e+09,1.7955806153328261375e+09,'latest',NULL);
INSERT INTO "repositories" VALUES(45,'sample','gilliam-like/scheduler-_worker',0,0,366,1,'A name from before there was a grammar',NULL,NULL,NULL,1.7955806153328261375e+09,1.7955806153328261375e+09,'latest',NULL);
CREATE TABLE repository_counts (
	repository_id INTEGER NOT NULL, 
	seen_at FLOAT NOT NULL, 
	pull_count BIGINT, 
	star_count BIGINT, 
	PRIMARY KEY (repository_id, seen_at), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id)
)
 WITHOUT ROWID

;
CREATE TABLE requests (
	id INTEGER NOT NULL, 
	starts_at FLOAT NOT NULL, 
	ends_at FLOAT NOT NULL, 
	requests INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE runs (
	id TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	started_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	outcome TEXT, 
	settings TEXT NOT NULL, 
	summary TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('20261125T042333.040345-crawl','crawl',1.79558061304034471518e+09,1.79558061534792089467e+09,'done','{}','{"stopped": null, "engines": [{"source": "sample namespace library", "pages": 1, "failed": 0, "rows": 31, "new": 31, "found": 31, "is_complete": true, "notes": [], "stopped": null}, {"source": "sample search *", "pages": 1, "failed": 0, "rows": 87, "new": 56, "found": 87, "is_complete": true, "notes": [], "stopped": null}]}');
INSERT INTO "runs" VALUES('20261125T042335.956636-download','download',1.79558061595663595198e+09,1.79558061834488415717e+09,'done','{}','{"stopped": null, "engines": [{"done": 11, "failed": {}, "passing": 0, "bytes_fetched": 9149195, "stopped": null}]}');
CREATE TABLE sightings (
	repository_id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	url TEXT NOT NULL, 
	first_seen_at FLOAT NOT NULL, 
	last_seen_at FLOAT NOT NULL, 
	times_seen INTEGER NOT NULL, 
	PRIMARY KEY (repository_id, source), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id)
);
INSERT INTO "sightings" VALUES(30,'sample namespace library','http://127.0.0.1:41415/v2/namespaces/library/repositories?page=1&page_size=90&ordering=name',1.79558061532081365578e+09,1.79558061532081365578e+09,1);
INSERT INTO "sightings" VALUES(31,'sample namespace library','http://127.0.0.1:41415/v2/namespaces/library/repositories?page=1&page_size=90&ordering=name',1.79558061532081365578e+09,1.79558061532081365578e+09,1);
INSERT INTO "sightings" VALUES(31,'sample search *','http://127.0.0.1:41415/v2/search/repositories/?query=%2A&page=1&page_size=90',1.7955806153328261375e+09,1.7955806153328261375e+09,1);
INSERT INTO "sightings" VALUES(30,'sample search *','http://127.0.0.1:41415/v2/search/repositories/?query=%2A&page=1&page_size=90',1.7955806153328261375e+09,1.7955806153328261375e+09,1);
INSERT INTO "sightings" VALUES(45,'sample search *','http://127.0.0.1:41415/v2/search/repositories/?query=%2A&page=1&page_size=90',1.7955806153328261375e+09,1.7955806153328261375e+09,1);
CREATE TABLE slices (
	query_id INTEGER NOT NULL, 
	page INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	rows INTEGER, 
	names BLOB, 
	reason TEXT, 
	detail TEXT, 
	is_temporary BOOLEAN, 
	attempts INTEGER DEFAULT 0 NOT NULL, 
	finished_at FLOAT, 
	PRIMARY KEY (query_id, page, size), 
	FOREIGN KEY(query_id) REFERENCES queries (id)
)
 WITHOUT ROWID

;
CREATE TABLE sweeps (
	registry TEXT NOT NULL, 
	started_at FLOAT NOT NULL, 
	completed_at FLOAT, 
	rows_before BIGINT DEFAULT 0 NOT NULL, 
	coverage TEXT, 
	PRIMARY KEY (registry), 
	FOREIGN KEY(registry) REFERENCES registries (name)
);
CREATE TABLE tag_failures (
	repository_id INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	is_temporary BOOLEAN NOT NULL, 
	PRIMARY KEY (repository_id), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id)
);
CREATE TABLE v1_layers (
	registry TEXT NOT NULL, 
	image_id TEXT NOT NULL, 
	json_digest TEXT NOT NULL, 
	json_bytes BIGINT NOT NULL, 
	layer_digest TEXT NOT NULL, 
	layer_bytes BIGINT NOT NULL, 
	PRIMARY KEY (registry, image_id)
);
CREATE TABLE windows (
	registry TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	account TEXT NOT NULL, 
	window TEXT NOT NULL, 
	learned_at FLOAT NOT NULL, 
	PRIMARY KEY (registry, endpoint, account), 
	FOREIGN KEY(registry) REFERENCES registries (name)
);
CREATE TABLE words (
	registry TEXT NOT NULL, 
	word TEXT NOT NULL, 
	names INTEGER NOT NULL, 
	PRIMARY KEY (registry, word), 
	FOREIGN KEY(registry) REFERENCES registries (name)
)
 WITHOUT ROWID

;
CREATE INDEX pages_by_state ON pages (source, state);
CREATE INDEX manifests_by_canonical_digest ON manifests (canonical_digest);
CREATE INDEX plan_by_image ON "plan" (image_id);
CREATE INDEX queries_by_priority ON queries (registry, state, priority DESC, id);
CREATE INDEX queries_by_parent ON queries (parent_id);
CREATE INDEX referrers_by_manifest ON referrers (manifest_digest);
CREATE INDEX manifest_layers_by_digest ON manifest_layers (digest);
CREATE INDEX images_by_state ON images (state);
CREATE INDEX image_manifests_by_manifest ON image_manifests (manifest_digest);
COMMIT;
